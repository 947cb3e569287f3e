"""Published results of detectors, as the slides and the papers print them."""

#: When each was published, or won its challenge.
YEARS = {
    "DPM v5": 2012,
    "SuperVision": 2012,
    "Regionlets": 2013,
    "OverFeat": 2013,
    "UvA-Euvision": 2013,
    "R-CNN": 2014,
    "VGG": 2014,
    "GoogLeNet": 2014,
    "Fast R-CNN": 2015,
    "Faster R-CNN": 2015,
    "ResNet": 2015,
}
#: Mean average precision in percent. PASCAL VOC 2010: Girshick et al. 2014, table 1 (R-CNN with box regression).
#: VOC 2007: slides 004, pp. 81 and 88 (VGG-16). ILSVRC detection: the challenge's pages. COCO (.5 to .95): slide p. 89.
DETECTED = {
    "PASCAL VOC 2010": {"DPM v5": 33.4, "Regionlets": 39.7, "R-CNN": 53.7},
    "PASCAL VOC 2007": {"R-CNN": 66.0, "Fast R-CNN": 66.9, "Faster R-CNN": 66.9},
    "ILSVRC detection": {"UvA-Euvision": 22.6, "GoogLeNet": 43.9, "ResNet": 62.1},
    "COCO, .5 to .95": {"Faster R-CNN": 21.2, "ResNet": 37.4},
}
#: Top-5 error in percent of classification with localization, ILSVRC: the challenge's pages (slide p. 38 as a chart).
LOCALIZED = {"ILSVRC": {"SuperVision": 34.2, "OverFeat": 29.9, "VGG": 25.3, "ResNet": 9.0}}
